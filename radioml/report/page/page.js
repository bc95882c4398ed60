"use strict";
// Draws every figure of the page, in the colours of the reader's theme, and again when theme or width change.
const specs = JSON.parse(document.getElementById("figures").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const palettes = {  // Okabe and Ito's colours, which readers with any colour vision tell apart; lighter ones on dark
  light: ["#0072b2", "#d55e00", "#007a5a", "#a3487f", "#6b5b00", "#56789a"],
  dark: ["#56b4e9", "#e69f00", "#2fbf95", "#e08fc0", "#f0e442", "#9fb7cf"],
};

function config(name) {
  const style = getComputedStyle(document.documentElement);
  const colour = (variable) => style.getPropertyValue(variable).trim();
  const text = {labelColor: colour("--text"), titleColor: colour("--text")};
  return {
    background: "transparent",
    font: "system-ui, 'DejaVu Sans', sans-serif",
    range: {category: palettes[name]},
    axis: {...text, labelFontSize: 12, titleFontSize: 12, gridColor: colour("--line"), domainColor: colour("--faint"), tickColor: colour("--faint"), labelLimit: 220},
    legend: {...text, labelFontSize: 12, titleFontSize: 12, columns: matchMedia("(max-width: 40rem)").matches ? 1 : 0},
    header: {...text},
    view: {stroke: colour("--line")},
    mark: {color: palettes[name][0]},
    text: {color: colour("--text"), fontSize: 11},
    rule: {color: colour("--text")},
  };
}

async function draw() {
  const name = dark.matches ? "dark" : "light";
  for (const [figure, spec] of Object.entries(specs)) {
    const place = document.getElementById("figure-" + figure);
    const facets = "row" in (spec.encoding || {});
    const width = facets ? {autosize: "pad"} : {width: "container", autosize: {type: "fit-x", contains: "padding"}};
    const sized = {$schema: "https://vega.github.io/schema/vega-lite/v6.json", ...width, ...spec};
    if (facets) sized.width = Math.max(120, Math.min(place.clientWidth, 900) - 300);
    const result = await vegaEmbed(place, sized, {renderer: "svg", actions: false, config: config(name)});
    place.view = result.view;
    for (const label of place.querySelectorAll(".vega-bind-name")) label.closest("label")?.setAttribute("aria-label", label.textContent);
  }
  document.documentElement.dataset.drawn = name;
}

let waiting;
const again = () => { clearTimeout(waiting); waiting = setTimeout(draw, 200); };
dark.addEventListener("change", again);
addEventListener("resize", again);
draw();
