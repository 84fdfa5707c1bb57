// The keys of the review. Every key does what a button of the page does.
"use strict";
(() => {
  let waits = false;
  const isCase = (event) => event.detail.target && event.detail.target.id === "item";
  document.addEventListener("htmx:beforeRequest", (event) => { if (isCase(event)) waits = true; });
  document.addEventListener("htmx:afterRequest", (event) => { if (isCase(event)) waits = false; });

  const press = (id) => {
    const element = document.getElementById(id);
    if (!element || waits) return;
    if (element.tagName === "FORM") element.requestSubmit(element.querySelector("#confirm"));
    else element.click();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat) return;
    const inText = event.target.matches("input:not([type=radio]), select, textarea");
    if (event.key === "Escape" && inText) { event.target.blur(); return; }
    if (event.key === "Enter") {
      if (event.target.closest("#row")) {
        event.preventDefault();
        press("confirm-row");
        return;
      }
      if (event.target.closest("#whole")) {
        event.preventDefault();
        press("confirm-table");
        return;
      }
      if (event.target.closest("#undo, .filter, a, .decisions")) return;
      event.preventDefault();
      press("decide");
      return;
    }
    if (inText) return;
    const key = event.key.toLowerCase();
    if (key === "s") press("skip");
    else if (key === "a") {
      // A row that was read from end to end is confirmed, one that was not is filled in first.
      const row = document.getElementById("row");
      if (!row) return;
      if (row.dataset.sure) press("confirm-row");
      else row.querySelector("input:not([type=hidden])").select();
    }
    else if (key === "t") {
      // The table is looked at first; its own button has the focus then.
      const whole = document.getElementById("whole");
      if (!whole) return;
      if (whole.open) press("confirm-table");
      else {
        whole.open = true;
        document.getElementById("confirm-table").focus();
      }
    }
    else if (key === "u") press("undo");
    else {
      const choice = document.querySelector(`.choice[data-key="${CSS.escape(key)}"]`);
      if (!choice) return;
      choice.querySelector("input[type=radio]").click();
      const typed = choice.querySelector("input[name=typed]");
      if (typed) typed.focus();
    }
    event.preventDefault();
  });
})();
