// Below the table of runs: in what the chosen ones differ, and the main one's command line and
// videos.
import {bytes, DASH, make} from "./format.js";
import {changed, forget} from "./view.js";

const $ = (id) => document.getElementById(id);

// As a shell takes it.
export function shellWord(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\\''") + "'";
}

// Both are asked for again: a run that goes on gets videos, and what failed may go well.
export function askAgain() {
  forget("asked differences");
  forget("asked details");
}

const questions = {};  // how many there were of each

// Asks, and shows the answer or the error unless another question came meanwhile.
async function answer(place, url, show, fail) {
  const mine = questions[place] = (questions[place] ?? 0) + 1;
  let got, error = null;
  try {
    got = await ask(url);
  } catch (caught) {
    error = caught;
  }
  if (mine !== questions[place]) return;
  if (error === null && changed(place, [url, got])) show(got);
  if (error === null) return;
  forget(place);
  fail(make("p", "note", "No answer: " + error.message));
}

async function ask(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

function table({runs, settings}) {
  if (runs.length < 2) return [make("p", "note", "Choose two runs or more.")];
  if (settings.length === 0) return [make("p", "note", "Their configurations are alike.")];
  const head = make("tr", "", make("th", "", "Setting"), ...runs.map((id) => make("th", "", id)));
  const rows = settings.map(({path, values}) => {
    const row = make("tr", "", make("td", "", path), ...values.map((value, i) => {
      const cell = make("td", "", value ?? DASH);
      cell.dataset.label = runs[i];
      return cell;
    }));
    row.dataset.setting = path;
    return row;
  });
  const element = make("table", "cards", make("thead", "", head), make("tbody", "", ...rows));
  return [make("div", "scroll", element)];
}

export function showDifferences(ids) {
  if (!changed("asked differences", ids)) return;
  const show = (parts) => $("differences").replaceChildren(...parts);
  const query = ids.map((id) => "run=" + encodeURIComponent(id)).join("&");
  answer("differences", "/api/differences?" + query, (got) => show(table(got)),
         (note) => show([note]));
}

function videoOf(id, {name, bytes: size}) {
  const video = make("video");
  video.controls = true;
  video.preload = "metadata";
  video.src = `/api/video?run=${encodeURIComponent(id)}&name=${encodeURIComponent(name)}`;
  return make("figure", "", video, make("figcaption", "note", `${name}, ${bytes(size)}`));
}

export function showDetails(id) {
  if (!changed("asked details", id)) return;
  $("details-of").textContent = id;
  answer("details", "/api/run?run=" + encodeURIComponent(id), ({command, videos}) => {
    $("command").textContent = command.map(shellWord).join(" ") ||
      "Its configuration cannot be read.";
    $("videos").replaceChildren(...(videos.length > 0 ? videos.map((one) => videoOf(id, one)) :
      [make("p", "note", "No video yet.")]));
  }, (note) => {
    $("command").textContent = note.textContent;
    $("videos").replaceChildren();
  });
}
