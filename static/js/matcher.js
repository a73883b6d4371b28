// The matcher's form: opens in a dialog, shows synonyms as chips, and keeps the marks of Test JSON under its text.
// Without this script the links lead to the form's own page and synonyms are lines of a text.

const dialog = document.getElementById("matcher-dialog");

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-matcher-dialog]");
  if (opener && dialog && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    const menu = opener.closest("details[data-menu]");
    if (menu) menu.open = false;
    htmx.ajax("GET", opener.dataset.matcherDialog, { target: dialog, swap: "innerHTML" });
  }
  const closer = event.target.closest("dialog [data-close]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog").close();
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target !== dialog) return;
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("input[aria-invalid='true'], input[type='text']")?.focus();
});

// What was pasted stays no longer than the dialog is open.
dialog?.addEventListener("close", () => dialog.replaceChildren());

const chipOf = (text, remove) => {
  const chip = Object.assign(document.createElement("li"), { className: "chip" });
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
  button.setAttribute("aria-label", `Remove ${text}`);
  button.addEventListener("click", remove);
  chip.append(text, button);
  return chip;
};

const placeholder = (form) =>
  form.querySelector("[name='matches_on']:checked")?.value === "value" ? "Add a pattern and press Enter..." : "Add a synonym and press Enter...";

const makeLines = (area) => {
  const { form } = area;
  const box = Object.assign(document.createElement("div"), { className: "lines" });
  const list = Object.assign(document.createElement("ul"), { className: "lines__list" });
  const input = Object.assign(document.createElement("input"), { className: "input", type: "text", id: area.id, spellcheck: false });
  const lines = () => area.value.split("\n").map((line) => line.trim()).filter(Boolean);

  const draw = (kept) => {
    area.value = kept.join("\n");
    list.replaceChildren(...kept.map((text, at) => chipOf(text, () => {
      draw(kept.filter((_, each) => each !== at));
      say(`${text} removed`);
      (list.querySelectorAll("button")[Math.max(at - 1, 0)] ?? input).focus();
    })));
    area.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const add = (text) => {
    const more = text.split("\n").map((line) => line.trim()).filter((line) => line && !lines().includes(line));
    input.value = "";
    if (!more.length) return;
    draw([...lines(), ...new Set(more)]);
    say(`${more.join(", ")} added`);
  };
  const say = (text) => {
    const region = form.querySelector("[data-lines-status]");
    if (region) region.textContent = text;
  };

  for (const name of ["aria-describedby", "aria-invalid"]) {
    if (area.hasAttribute(name)) input.setAttribute(name, area.getAttribute(name));
  }
  input.placeholder = placeholder(form);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && input.value.trim()) {
      event.preventDefault();
      add(input.value);
    } else if (event.key === "Backspace" && !input.value) {
      draw(lines().slice(0, -1));
    }
  });
  input.addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text");
    if (!text.includes("\n")) return;
    event.preventDefault();
    add(text);
  });
  // What was typed and not entered would otherwise be lost with Save.
  input.addEventListener("blur", () => add(input.value));
  input.addEventListener("input", (event) => event.stopPropagation());
  form.addEventListener("change", () => { input.placeholder = placeholder(form); });

  const status = Object.assign(document.createElement("p"), { className: "visually-hidden" });
  status.setAttribute("role", "status");
  status.dataset.linesStatus = "";
  area.removeAttribute("data-lines");
  area.removeAttribute("id");
  area.hidden = true;
  area.replaceWith(box);
  box.append(area, list, input, status);
  draw(lines());
};

const makeTrial = (text) => {
  const marks = () => text.form.querySelector("#trial-marks");
  text.addEventListener("input", () => { marks().textContent = text.value; });
  text.addEventListener("scroll", () => { marks().scrollTop = text.scrollTop; });
  delete text.dataset.trialText;
};

const prepare = (root) => {
  root.querySelectorAll("textarea[data-lines]").forEach(makeLines);
  root.querySelectorAll("textarea[data-trial-text]").forEach(makeTrial);
};

prepare(document);
document.addEventListener("htmx:load", (event) => prepare(event.target));
document.addEventListener("htmx:oobAfterSwap", () => {
  const text = document.getElementById("test-json");
  const marks = document.getElementById("trial-marks");
  if (text && marks) marks.scrollTop = text.scrollTop;
});
