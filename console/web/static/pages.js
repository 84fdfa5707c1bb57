// Small things that plain forms cannot do. No page depends on them.
"use strict";

// A form that was sent is not sent again by a second click.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }));
});

// Coming back with the browser's button must not find them disabled.
addEventListener("pageshow", () => {
  document.querySelectorAll("form button:disabled:not([data-off])").forEach((button) => { button.disabled = false; });
});

// On a narrow screen the menu is a row that scrolls: the page that is open stands in sight.
document.addEventListener("DOMContentLoaded", () => {
  const here = document.querySelector(".bar nav [aria-current]");
  if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.offsetLeft - 60; // with a piece of what is left of it
});

// A choice in a filter is applied at once.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-filter]");
  if (form && event.target.matches("select")) form.requestSubmit();
});

// The box at the head of a column marks all below it.
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-marks]")) return;
  const table = event.target.closest("table");
  table.querySelectorAll("tbody input[type=checkbox]").forEach((box) => { box.checked = event.target.checked; });
});

// A value that is typed is the one that is meant; another choice takes back what was typed. The server refuses what contradicts
// itself, so that nothing depends on this.
document.addEventListener("input", (event) => {
  if (event.target.matches(".choice input[name=typed]")) event.target.closest(".choice").querySelector("input[type=radio]").checked = true;
});
document.addEventListener("change", (event) => {
  if (!event.target.matches(".choices input[type=radio]")) return;
  const typed = event.target.closest(".choices").querySelector("input[name=typed]");
  if (!typed) return;
  if (event.target.value === "typed") {
    if (!typed.value) typed.value = typed.dataset.taken || "";  // a click beside it was a slip
    typed.focus();
  } else {
    typed.dataset.taken = typed.value || typed.dataset.taken || "";
    typed.value = "";
  }
});

// A notice is seen and heard: one of an error has the focus and is scrolled to; others are read out where they are new.
const announce = (root) => {
  const bad = root.querySelector(".notice.bad[role], .told.bad");
  const notice = bad || root.querySelector(".notice[role], .told");
  if (!notice) return;
  const live = document.getElementById("live");
  if (live) live.textContent = notice.innerText;
  if (!bad) return;
  bad.tabIndex = -1;
  bad.focus({ preventScroll: true });
  const at = bad.getBoundingClientRect();
  if (at.top < 0 || at.bottom > innerHeight) bad.scrollIntoView({ block: "center" });
};
document.addEventListener("DOMContentLoaded", () => announce(document));
document.addEventListener("htmx:afterSettle", (event) => announce(event.detail.elt || document));

// A picture is refused (503) while too many are drawn: ask again a little later.
const tries = new WeakMap();
document.addEventListener("error", (event) => {
  const image = event.target, count = (tries.get(image) || 0) + 1;
  if (!(image instanceof HTMLImageElement) || count > 3) return;
  tries.set(image, count);
  setTimeout(() => { image.src = `${image.src.split("?")[0]}?again=${count}`; }, 5000 * count);
}, true);
