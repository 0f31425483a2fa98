// The emoji people and the app use most, by their Slack names. Others are shown as `:name:`.

const TABLE = {
  "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", heart: "❤️", tada: "🎉", eyes: "👀",
  joy: "😂", smile: "😄", slightly_smiling_face: "🙂", grinning: "😀", wink: "😉", cry: "😢",
  sob: "😭", thinking_face: "🤔", scream: "😱", sweat_smile: "😅", raised_hands: "🙌", pray: "🙏",
  clap: "👏", wave: "👋", ok_hand: "👌", muscle: "💪", fire: "🔥", rocket: "🚀", bug: "🐛",
  hammer: "🔨", wrench: "🔧", hammer_and_wrench: "🛠️", zap: "⚡", boom: "💥", bulb: "💡",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", stopwatch: "⏱️", clock1: "🕐", alarm_clock: "⏰",
  calendar: "📅", rotating_light: "🚨", warning: "⚠️", no_entry: "⛔", no_entry_sign: "🚫",
  octagonal_sign: "🛑", construction: "🚧", red_circle: "🔴", large_orange_circle: "🟠",
  large_yellow_circle: "🟡", large_green_circle: "🟢", large_blue_circle: "🔵",
  large_purple_circle: "🟣", white_circle: "⚪", black_circle: "⚫", white_check_mark: "✅",
  heavy_check_mark: "✔️", x: "❌", question: "❓", exclamation: "❗", bangbang: "‼️",
  information_source: "ℹ️", arrow_right: "➡️", arrow_left: "⬅️", arrow_up: "⬆️", arrow_down: "⬇️",
  arrow_upper_right: "↗️", arrow_lower_right: "↘️", repeat: "🔁", recycle: "♻️",
  arrows_counterclockwise: "🔄", chart_with_upwards_trend: "📈",
  chart_with_downwards_trend: "📉", bar_chart: "📊", speech_balloon: "💬", memo: "📝",
  page_facing_up: "📄", clipboard: "📋", pushpin: "📌", link: "🔗", lock: "🔒", unlock: "🔓", key: "🔑",
  mag: "🔍", bell: "🔔", no_bell: "🔕", mega: "📣", loudspeaker: "📢", phone: "☎️",
  telephone_receiver: "📞", email: "📧", busts_in_silhouette: "👥", bust_in_silhouette: "👤",
  firefighter: "🧑‍🚒", fire_engine: "🚒", robot_face: "🤖", hash: "#️⃣", one: "1️⃣", two: "2️⃣",
  three: "3️⃣", four: "4️⃣", "100": "💯", star: "⭐", sparkles: "✨", checkered_flag: "🏁",
  globe_with_meridians: "🌐", cloud: "☁️", computer: "💻", floppy_disk: "💾", gear: "⚙️",
  package: "📦", shield: "🛡️", sos: "🆘", white_large_square: "⬜", ballot_box_with_check: "☑️",
};

/** What the emoji picker offers, the likeliest first. */
export const PICKED = ["+1", "eyes", "white_check_mark", "fire", "tada", "heart", "pray", "rocket",
  "thinking_face", "raised_hands", "warning", "x"];

/** The character of a name, or undefined. Skin tones are left out. */
export const emoji = (name) => TABLE[name.split("::")[0]];
