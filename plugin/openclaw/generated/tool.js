export const DESCRIPTION =
  "Make phone calls and talk to people by voice: dial a number and speak (initiate_call), say something and wait for " +
  "the answer (continue_call), speak on a live call (speak_to_user), press keys, DTMF (send_dtmf), hang up (end_call), " +
  "look at a call (get_status).";

const text = (description) => ({ type: "string", description });

export const PARAMETERS = {
  type: "object",
  properties: {
    action: {
      type: "string",
      enum: ["initiate_call", "continue_call", "speak_to_user", "send_dtmf", "end_call", "get_status"],
      description: "What to do.",
    },
    to: text("initiate_call: whom to call, E.164, e.g. +15550001234; absent: the configured number."),
    message: text("initiate_call, continue_call, speak_to_user: what to say."),
    mode: {
      type: "string",
      enum: ["notify", "conversation", "call", "status"],
      description: "initiate_call: notify says the message and hangs up; conversation stays to talk.",
    },
    callId: text("Every action but initiate_call: which call; initiate_call answers it."),
    digits: text("send_dtmf: keys to press, 0-9 * # A-D; w waits half a second."),
    sid: text("Without an action, with mode status: the call."),
  },
};
