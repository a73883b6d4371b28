// Pages of the Privacy Portal: rows that open, the side sheet, choosing many rows at once. Links work without it.
const sheet = document.querySelector("[data-sheet]");

const open = (link, is) => {
  link.setAttribute("aria-expanded", String(is));
  document.getElementById(link.getAttribute("aria-controls")).hidden = !is;
  if (is) htmx.trigger(link, "portal:expand");
};

const boxesOf = (form) => [...document.querySelectorAll(`input[type=checkbox][form="${form}"]`)];

const chooseAll = (all) => {
  for (const box of boxesOf(all.dataset.selectAll)) box.checked = all.checked;
};

const tell = () => {
  const all = document.querySelector("[data-select-all]");
  if (!all) return;
  const boxes = boxesOf(all.dataset.selectAll);
  const chosen = boxes.filter((box) => box.checked).length;
  all.checked = chosen > 0 && chosen === boxes.length;
  all.indeterminate = chosen > 0 && chosen < boxes.length;
  document.querySelector("[data-selected]").textContent = chosen ? `${chosen} selected` : "";
  for (const button of document.querySelectorAll("#bulk button")) button.disabled = !chosen;
};

// "1/3 Selected" beside the name of a group of the filter.
const tellCounted = () => {
  for (const group of document.querySelectorAll("[data-counted]")) {
    const boxes = [...group.querySelectorAll("input[type=checkbox]")];
    const chosen = boxes.filter((box) => box.checked).length;
    group.querySelector("[data-counted-told]").textContent = `${chosen}/${boxes.length} Selected`;
  }
};

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-expand]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    open(link, link.getAttribute("aria-expanded") !== "true");
  }
  if (event.target.closest("[data-sheet-close]") || event.target === sheet) sheet.close();
  const check = event.target.closest("[data-check-all], [data-check-none]");
  if (check) {
    for (const box of check.form.querySelectorAll("input[type=checkbox]")) box.checked = "checkAll" in check.dataset;
    tellCounted();
  }
});

document.addEventListener("keydown", (event) => {
  // These links behave as buttons, which Space presses.
  const link = event.target.closest?.("[data-expand]");
  if (link && event.key === " ") {
    event.preventDefault();
    link.click();
  }
});

document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-select-all]");
  if (all) chooseAll(all);
  tell();
  tellCounted();
});

document.addEventListener("input", (event) => {
  const { narrow } = event.target.dataset;
  if (!narrow) return;
  const wanted = event.target.value.trim().toLowerCase();
  for (const choice of document.querySelectorAll(`#${narrow} [data-name]`)) {
    choice.hidden = !choice.dataset.name.toLowerCase().includes(wanted);
  }
});

document.addEventListener("htmx:beforeSwap", (event) => {
  // Closed while it loaded more: what comes late does not open it again.
  if (sheet && !sheet.open && sheet.contains(event.detail.requestConfig.elt)) event.detail.shouldSwap = false;
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id === "sheet-body" && !sheet.open) sheet.showModal();
  tell();
});
// What replaced the thing that was pressed takes the focus, so that the keyboard stays where it was.
document.addEventListener("htmx:afterSettle", (event) => {
  const { elt } = event.detail;
  const next = elt.matches?.("[data-focus]") ? elt : elt.querySelector?.("[data-focus]");
  if (next) next.focus({ preventScroll: true });
  else if (elt.matches?.(".entry-row, .field-row:not(.field-row--new)")) elt.querySelector("summary").focus();
});
for (const name of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(name, (event) => {
    if (event.detail.requestConfig?.headers["X-Passive"]) return; // asks again by itself
    announce("The server could not do this. Try again in a moment.");
  });
}
// A tick that came before this script counts as well.
const ticked = document.querySelector("[data-select-all]:checked");
if (ticked) chooseAll(ticked);
tell();
