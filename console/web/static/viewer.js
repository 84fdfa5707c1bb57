// The original: larger and smaller, turned, by buttons, keys and the wheel. Without scripts it is shown in one size.
"use strict";
(() => {
  const LEAST = 0.5, MOST = 6, STEP = 1.25;
  const state = new WeakMap();

  const pagesOf = (viewer) => [...viewer.querySelectorAll(".page, .sight img")];
  const of = (viewer) => {
    if (!state.has(viewer)) state.set(viewer, { zoom: 1, turn: 0 });
    return state.get(viewer);
  };

  // A turned page keeps the room that it needs: its holder has the size that is seen.
  const lay = (viewer) => {
    const { zoom, turn } = of(viewer);
    const share = viewer.scrollHeight ? (viewer.scrollTop + viewer.clientHeight / 2) / viewer.scrollHeight : 0;
    for (const page of pagesOf(viewer)) {
      let holder = page.parentElement;
      if (!holder.classList.contains("holder")) {
        holder = document.createElement("div");
        holder.className = "holder";
        page.replaceWith(holder);
        holder.append(page);
      }
      if (!page.dataset.width) page.dataset.width = page.offsetWidth;
      const plain = zoom === 1 && turn === 0;
      page.style.width = plain ? "" : `${page.dataset.width * zoom}px`;
      page.style.maxWidth = page.style.maxHeight = plain ? "" : "none";
      page.style.transform = "";
      holder.style.width = holder.style.height = "";
      if (turn) {
        const width = page.offsetWidth, height = page.offsetHeight, across = turn % 180 !== 0;
        holder.style.width = `${across ? height : width}px`;
        holder.style.height = `${across ? width : height}px`;
        const moved = { 90: `translate(${height}px, 0)`, 180: `translate(${width}px, ${height}px)`, 270: `translate(0, ${width}px)` };
        page.style.transform = `${moved[turn]} rotate(${turn}deg)`;
      }
    }
    viewer.classList.toggle("turned", turn !== 0);
    const shown = viewer.querySelector("[data-zoomed]");
    if (shown) shown.textContent = `${Math.round(zoom * 100)} %`;
    viewer.scrollTop = share * viewer.scrollHeight - viewer.clientHeight / 2;
  };
  const acts = {
    larger: (it) => { it.zoom = Math.min(MOST, it.zoom * STEP); },
    smaller: (it) => { it.zoom = Math.max(LEAST, it.zoom / STEP); },
    turn: (it) => { it.turn = (it.turn + 90) % 360; },
    reset: (it) => { it.zoom = 1; it.turn = 0; },
  };
  const act = (viewer, name) => { acts[name](of(viewer)); lay(viewer); };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-view]");
    if (button) act(button.closest("[data-viewer]"), button.dataset.view);
  });
  document.addEventListener("wheel", (event) => {
    const viewer = event.target.closest("[data-viewer]");
    if (!viewer || !event.ctrlKey) return;
    event.preventDefault();
    act(viewer, event.deltaY < 0 ? "larger" : "smaller");
  }, { passive: false });

  // The keys work where the original has the focus: + and - for the size, 0 as before, R turns.
  const keys = { "+": "larger", "=": "larger", "-": "smaller", "0": "reset", "r": "turn" };
  document.addEventListener("keydown", (event) => {
    const viewer = event.target.closest && event.target.closest("[data-viewer]");
    if (!viewer || event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    const name = keys[event.key.toLowerCase()];
    if (!name) return;
    event.preventDefault();
    event.stopPropagation();
    act(viewer, name);
  }, true);
})();
