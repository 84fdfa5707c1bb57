// The keys of the review. Every key does what a button of the page does.
"use strict";
(() => {
  let waits = false;
  const isCase = (event) => event.detail.target && event.detail.target.id === "item";
  document.addEventListener("htmx:beforeRequest", (event) => { if (isCase(event)) waits = true; });
  document.addEventListener("htmx:afterRequest", (event) => { if (isCase(event)) waits = false; });

  // The document stays with the person while the page is open and somebody is there; it is given back when the page is left.
  const HOLD = 30_000, IDLE = 600_000;
  let active = Date.now();
  for (const kind of ["keydown", "pointerdown", "pointermove", "wheel"]) {
    document.addEventListener(kind, () => { active = Date.now(); }, { passive: true });
  }
  const fields = (form) => {
    const sent = new URLSearchParams();
    for (const name of ["csrf", "batch", "region", "person", "document", "cell"]) {
      const field = form.elements[name];
      if (field) sent.set(name, field.value);
    }
    return sent;
  };
  const hold = async () => {
    const form = document.getElementById("decide");
    if (!form || Date.now() - active > IDLE) return;
    const before = form.elements.document.value;
    const answer = await fetch(form.dataset.hold, { method: "POST", body: fields(form), headers: { "hx-request": "true" } });
    const now = document.getElementById("decide"), held = document.getElementById("held");
    if (!now || !held || now.elements.document.value !== before) return;
    if (answer.status === 204) held.replaceChildren();
    else if (answer.ok) {
      held.innerHTML = await answer.text();
      held.scrollIntoView({ block: "nearest" });
    }
  };
  setInterval(() => hold().catch(() => {}), HOLD);
  setTimeout(() => hold().catch(() => {}), 1500); // the page before may have given it back after this one took it
  document.addEventListener("visibilitychange", () => { if (!document.hidden) hold().catch(() => {}); });
  addEventListener("pagehide", () => {
    const form = document.getElementById("decide");
    if (form) navigator.sendBeacon(form.dataset.leave, fields(form));
  });
  addEventListener("pageshow", (event) => { if (event.persisted) hold().catch(() => {}); });

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
      if (event.target.closest("#undo, #steps, #shares, #held, .filter, a, .decisions")) return;
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
