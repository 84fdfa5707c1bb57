// One document: what was read and its place in the original light up together.
"use strict";
(() => {
  const quoted = (cell) => `[data-cell="${CSS.escape(cell)}"]`;
  const source = document.getElementById("source");

  const light = (cells, on) => {
    for (const cell of cells) {
      document.querySelectorAll(quoted(cell)).forEach((each) => each.classList.toggle("on", on));
    }
  };
  const cellsOf = (target) => {
    const one = target.closest("[data-cell]");
    if (one) return [one.dataset.cell];
    const many = target.closest("[data-cells]");
    return many ? many.dataset.cells.split(" ").filter(Boolean) : [];
  };
  document.addEventListener("mouseover", (event) => light(cellsOf(event.target), true));
  document.addEventListener("mouseout", (event) => light(cellsOf(event.target), false));
  document.addEventListener("focusin", (event) => light(cellsOf(event.target), true));
  document.addEventListener("focusout", (event) => light(cellsOf(event.target), false));

  const reveal = (cell) => {
    const place = source && source.querySelector(quoted(cell));
    if (!place) return;
    const box = place.getBoundingClientRect(), frame = source.getBoundingClientRect();
    if (box.top < frame.top + 40 || box.bottom > frame.bottom - 40) {
      source.scrollTop += box.top - frame.top - frame.height / 2 + box.height / 2;
    }
  };
  const choose = (cell) => {
    document.querySelectorAll(".chosen").forEach((each) => each.classList.remove("chosen"));
    document.querySelectorAll(quoted(cell)).forEach((each) => each.classList.add("chosen"));
    reveal(cell);
  };
  const open = (cell) => {
    const link = document.querySelector(`#numbers a${quoted(cell)}`);
    if (link) link.click();
  };

  document.addEventListener("click", (event) => {
    const at = event.target.closest("[data-cell]");
    if (at) {
      choose(at.dataset.cell);
      if (source && source.contains(at)) {
        open(at.dataset.cell);
        const field = document.querySelector(`#numbers a${quoted(at.dataset.cell)}`);
        if (field) field.scrollIntoView({ block: "center", behavior: "smooth" });
      }
    }
    if (event.target.closest("[data-close]")) close();
  });
  const close = () => {
    const drawer = document.getElementById("cell");
    if (drawer) drawer.hidden = true;
    document.querySelectorAll(".chosen").forEach((each) => each.classList.remove("chosen"));
  };
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });

  // The parts of a document as tabs; without scripts they stand below each other.
  const tabs = [...document.querySelectorAll(".tabs a")];
  const show = (id) => {
    for (const tab of tabs) {
      const mine = tab.getAttribute("href") === `#${id}`;
      tab.toggleAttribute("aria-current", mine);
      document.querySelector(tab.getAttribute("href")).hidden = !mine;
    }
  };
  tabs.forEach((tab) => tab.addEventListener("click", (event) => {
    event.preventDefault();
    const id = tab.getAttribute("href").slice(1);
    show(id);
    history.replaceState(null, "", `#${id}`);
  }));
  document.body.classList.add("scripted");
  if (tabs.length) {
    const wanted = location.hash.slice(1);
    show(tabs.some((tab) => tab.getAttribute("href") === `#${wanted}`) ? wanted : "numbers");
  }
  const split = document.querySelector(".split");
  if (split && split.dataset.chosen) {
    addEventListener("load", () => {
      choose(split.dataset.chosen);
      if ("opens" in split.dataset) open(split.dataset.chosen);
      const field = document.querySelector(`#numbers a${quoted(split.dataset.chosen)}`);
      if (field) field.scrollIntoView({ block: "center" });
    });
  }
})();
