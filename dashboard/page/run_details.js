// Below the table of runs: in what the chosen ones differ, and the main one's command line and
// videos.
import {bytes, DASH, make} from "./format.js";
import {changed} from "./view.js";

const $ = (id) => document.getElementById(id);

// As a shell takes it.
export function shellWord(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\\''") + "'";
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

export async function showDifferences(ids) {
  if (!changed("differences", ids)) return;
  const query = ids.map((id) => "run=" + encodeURIComponent(id)).join("&");
  try {
    const answer = ids.length > 0 ? await ask("/api/differences?" + query) :
      {runs: [], settings: []};
    $("differences").replaceChildren(...table(answer));
  } catch (error) {
    $("differences").replaceChildren(make("p", "note", "No answer: " + error.message));
  }
}

function videoOf(id, {name, bytes: size}) {
  const video = make("video");
  video.controls = true;
  video.preload = "metadata";
  video.src = `/api/video?run=${encodeURIComponent(id)}&name=${encodeURIComponent(name)}`;
  return make("figure", "", video, make("figcaption", "note", `${name}, ${bytes(size)}`));
}

export async function showDetails(id) {
  if (!changed("details", id)) return;
  $("details-of").textContent = id;
  try {
    const {command, videos} = await ask("/api/run?run=" + encodeURIComponent(id));
    const text = command.map(shellWord).join(" ");
    $("command").textContent = text || "Its configuration cannot be read.";
    $("videos").replaceChildren(...(videos.length > 0 ? videos.map((one) => videoOf(id, one)) :
      [make("p", "note", "No video yet.")]));
  } catch (error) {
    $("command").textContent = "No answer: " + error.message;
    $("videos").replaceChildren();
  }
}
