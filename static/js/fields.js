// Selects with data-chips become chips with a search box. Without this script they stay plain multi-selects.
// A chip's x is a button of its own for the keyboard: Tab reaches it, Enter, Space, Delete or Backspace uses it.

// A listbox may hold options only.
const noResults = () => {
  const line = Object.assign(document.createElement("div"), { className: "no-results", textContent: "No field is called that" });
  line.setAttribute("role", "option");
  line.setAttribute("aria-disabled", "true");
  return line;
};

// What a choice covers of recent events stands below its name.
const optionLine = ({ text, covers }, escape) => {
  const below = covers ? `<span class="option__covers">Covers ${escape(covers)}</span>` : "";
  return `<div>${escape(text)}${below}</div>`;
};

const makeChips = (select) => {
  if (select.tomselect) return;
  const chips = new TomSelect(select, {
    plugins: { remove_button: { title: "Remove" } },
    placeholder: select.dataset.chips,
    hidePlaceholder: true,
    maxOptions: null,
    closeAfterSelect: false,
    refreshThrottle: 0, // else Enter right after typing takes the first of the old list
    render: { no_results: noResults, option: optionLine },
    onItemRemove: () => announceChips(select),
    onItemAdd() {
      this.setTextboxValue("");
      if (this.isOpen) this.refreshOptions(false); // else it goes on answering what was typed before
      nameRemovers(this);
      announceChips(select);
    },
  });
  // The select stays in the page, out of sight: without this a screen reader would find everything twice.
  select.setAttribute("aria-hidden", "true");
  for (const name of ["aria-describedby", "aria-invalid"]) {
    if (select.hasAttribute(name)) chips.control_input.setAttribute(name, select.getAttribute(name));
  }
  chips.control.addEventListener("keydown", (event) => removeByKey(event, chips), true);
  nameRemovers(chips);
};

const nameRemovers = (chips) => {
  for (const remover of chips.control.querySelectorAll(".item .remove")) {
    const item = remover.closest(".item");
    remover.tabIndex = 0;
    remover.setAttribute("role", "button");
    remover.setAttribute("aria-label", `Remove ${chips.options[item.dataset.value]?.text ?? item.dataset.value}`);
  }
};

const removeByKey = (event, chips) => {
  const remover = event.target.closest(".remove");
  if (!remover || !["Enter", " ", "Delete", "Backspace"].includes(event.key)) return;
  event.preventDefault();
  event.stopPropagation();
  chips.removeItem(remover.closest(".item").dataset.value);
  chips.control_input.focus();
};

// Without opening the list, which would cover what is said about the field.
const focusChips = (select) => {
  const { settings } = select.tomselect;
  settings.openOnFocus = false;
  select.tomselect.focus();
  setTimeout(() => { settings.openOnFocus = true; });
};

const announceChips = (select) => {
  const region = document.getElementById("announcer");
  const number = select.selectedOptions.length;
  if (region) region.textContent = `${number} ${number === 1 ? "field" : "fields"} chosen`;
};

const makeAllChips = (root) => root.querySelectorAll("select[data-chips]").forEach(makeChips);

makeAllChips(document);
document.addEventListener("htmx:load", (event) => makeAllChips(event.target));
