"use strict";
// Inside Outlook: puts what the form says into the meeting that is being written. Without Office's library, or in a program
// that lacks what is needed, the form goes to the server, which shows the line to be copied.
(function () {
  if (typeof Office === "undefined" || !Office.onReady) return;
  Office.onReady(function () {
    const item = Office.context && Office.context.mailbox && Office.context.mailbox.item;
    const able = item && item.body && item.body.prependAsync && item.location && item.location.setAsync;
    if (!able || !item.requiredAttendees || !item.requiredAttendees.addAsync) return;
    const form = document.getElementById("conference");
    const said = document.getElementById("said");
    const value = (name) => form.elements[name].value.trim();
    // Each step says whether it was done; the first that was not ends it.
    const step = (call) =>
      new Promise((done, failed) => {
        call((result) => {
          if (result.status === "succeeded" || result.status === Office.AsyncResultStatus.Succeeded) done(result.value);
          else failed(new Error(result.error ? result.error.message : "Outlook refused it"));
        });
      });
    document.getElementById("into").textContent = "Put it into the meeting";
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const digits = ["number", "passcode", "chairperson"];
      const wrong = digits.find((name) => value(name) && !/^[0-9]+$/.test(value(name)));
      if (wrong) {
        said.textContent = "Numbers and passcodes have digits only.";
        return;
      }
      const parts = digits.filter((name) => value(name)).map((name) => name + "=" + value(name));
      const place = value("number") ? "VMR " + value("number") : "@vmr";
      const mailbox = form.dataset.mailbox;
      step((done) => item.location.getAsync(done))
        .then((before) => (before ? null : step((done) => item.location.setAsync(place, done))))
        .then(() => {
          const text = parts.length ? "[tieline-conference " + parts.join(" ") + "]\n" : "@vmr\n";
          return step((done) => item.body.prependAsync(text, { coercionType: "text" }, done));
        })
        .then(() => step((done) => item.requiredAttendees.addAsync([mailbox], done)))
        .then(() => {
          said.textContent = "Done. Send the meeting; the answer comes within seconds.";
        })
        .catch((error) => {
          said.textContent = "Outlook did not take it: " + error.message + ". Copy the line instead.";
        });
    });
  });
})();
