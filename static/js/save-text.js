// Buttons with data-save-text save the text of the element with that id as a file named by data-filename.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-save-text]");
  if (!button) return;
  const text = document.getElementById(button.dataset.saveText).textContent;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = button.dataset.filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
