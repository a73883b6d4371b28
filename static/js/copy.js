// Copy buttons: data-copy-target names the id of the element whose text or value is copied.
const announce = (text) => {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
};

// navigator.clipboard exists on https and localhost only.
const copyOldWay = (text) => {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
};

const copyText = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOldWay(text);
  }
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy-target]");
  if (!button) return;
  const target = document.getElementById(button.dataset.copyTarget);
  const done = await copyText("value" in target ? target.value : target.textContent);
  button.focus();
  announce("");
  announce(done ? "Copied" : "Could not copy: select the text and copy it by hand");
  const label = button.querySelector("[data-copy-label]");
  if (!label || !done) return;
  label.textContent = "Copied";
  setTimeout(() => { label.textContent = "Copy"; }, 2000);
});
