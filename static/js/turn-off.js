// Unticking "Have Segment encrypt sensitive data" where it is in force asks first; Cancel ticks it again.
const turnOff = document.querySelector("[data-turn-off]");

const tickAgain = () => {
  const box = document.querySelector("form[data-in-force]")?.elements.encrypts;
  if (!box) return;
  box.checked = true;
  box.dispatchEvent(new Event("change", { bubbles: true }));
  box.focus();
};

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-in-force]");
  if (form && event.target === form.elements.encrypts && !event.target.checked) turnOff.showModal();
});

turnOff?.addEventListener("close", tickAgain);
turnOff?.addEventListener("click", (event) => {
  if (!event.target.closest("[data-turn-off-cancel]")) return;
  event.preventDefault();
  turnOff.close();
});
// A pair that was drawn and not saved goes with the rest: no second question about it.
turnOff?.addEventListener("submit", () => { leaving = true; });

if (turnOff && "asks" in turnOff.dataset) {
  turnOff.open = false;
  turnOff.showModal();
}
