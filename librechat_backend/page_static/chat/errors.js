// Errors in words. The server sends plain texts or JSON with a `type` or `code`.

const TEXTS = {
  no_user_key: "This service needs an API key, and none is stored for you.",
  invalid_user_key: "The stored API key is not valid.",
  expired_user_key: "The stored API key has expired.",
  no_base_url: "The address of this service is missing. An administrator can add it.",
  invalid_base_url: "The address of this service is not valid. An administrator can correct it.",
  invalid_api_key: "The service refused its API key. An administrator can replace it.",
  insufficient_quota: "The quota of the service is used up.",
  invalid_request_error: "The service refused the request as invalid.",
  refusal: "The model declined to answer.",
  missing_model: "Please choose a model first.",
  models_not_loaded: "The list of models could not be loaded. Please reload the page.",
  endpoint_models_not_loaded: "The models of this service could not be loaded. Please reload.",
  illegal_model_request: "This model is not available. Please choose another one.",
  INPUT_LENGTH: "The message is too long for this model.",
  moderation: "The message was flagged by moderation and not sent.",
  stream_expired: "The answer took too long and was ended.",
  token_balance: "Your balance is too low for this message.",
  message_limit: "You have sent as many messages as are allowed for now. Please wait a little.",
  concurrent: "Too many answers are being written at once. Please wait for one to end.",
  ban: "This account is blocked.",
  RUN_REPLACED: "This answer was replaced by a newer one.",
};
const OUT_OF_REACH = "The server cannot be reached. Please check your connection.";
const UNKNOWN = "Something went wrong. Please try again.";

/** A sentence for what was thrown, or for the text of an error the server sent. */
export function readable(error) {
  if (error instanceof TypeError) return OUT_OF_REACH;
  const body = error?.body ?? error;
  return fromBody(typeof body === "string" ? parse(body) : body) || UNKNOWN;
}

function fromBody(body) {
  if (typeof body === "string") return isMarkup(body) ? "" : body.trim();
  if (!body || typeof body !== "object") return "";
  const known = TEXTS[body.code ?? body.type];
  if (known) return withDetail(known, body);
  const inner = [body.message, body.error, body.text].find((text) => typeof text === "string");
  return inner ? fromBody(parse(inner)) : "";
}

function withDetail(text, { info, type }) {
  const isShown = typeof info === "string" && info && type !== "illegal_model_request";
  return isShown ? `${text} (${info})` : text;
}

function parse(text) {
  const start = text.indexOf("{");
  try {
    return start < 0 ? text : JSON.parse(text.slice(start, text.lastIndexOf("}") + 1));
  } catch {
    return text;
  }
}

const isMarkup = (text) => /^\s*<(!doctype|html)/i.test(text);
