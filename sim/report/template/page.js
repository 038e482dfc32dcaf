// Every chart has a still beside it, which stays where a chart cannot be drawn, and is what is printed.
(function () {
  "use strict";
  function draw(figure) {
    if (!figure.dataset.chart || figure.dataset.begun || typeof window.vegaEmbed !== "function") return;
    figure.dataset.begun = "yes";
    var spec = JSON.parse(document.getElementById(figure.id + "-spec").textContent);
    var place = document.getElementById(figure.id + "-live");
    figure.classList.add("alive");
    window.vegaEmbed(place, spec, { renderer: "svg", actions: false, logLevel: 1 }).then(
      function () { figure.dataset.drawn = "yes"; },
      function (error) {
        figure.classList.remove("alive");
        place.textContent = "";
        console.error(error);
      }
    );
  }
  function show(views, key) {
    views.querySelectorAll("figure").forEach(function (figure) {
      figure.hidden = figure.id !== key;
      if (!figure.hidden) draw(figure);
    });
    views.querySelectorAll("button").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.shows === key));
    });
  }
  document.querySelectorAll(".views").forEach(function (views) {
    var buttons = views.querySelectorAll("button");
    if (buttons.length < 2) return;
    views.querySelector(".choices").hidden = false;
    buttons.forEach(function (button) {
      button.addEventListener("click", function () { show(views, button.dataset.shows); });
    });
    show(views, buttons[0].dataset.shows);
  });
  document.querySelectorAll("figure[data-chart]").forEach(function (figure) {
    if (!figure.hidden) draw(figure);
  });
})();
