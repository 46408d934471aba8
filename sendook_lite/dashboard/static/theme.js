// Sets the chosen theme before anything is painted.
(function () {
  "use strict";
  try {
    var chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
    document.documentElement.classList.add("js");
  } catch (error) {
    document.documentElement.classList.add("js");
  }
})();
