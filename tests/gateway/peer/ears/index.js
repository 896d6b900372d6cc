// A transcriber for the reference's benchmark: a frame that consists of 0x21 is a question, anything else is silence.
const WORDS = "What time is it?";

function session({ onTranscript }) {
  let isOpen = false;
  return {
    connect: async () => {
      isOpen = true;
    },
    sendAudio(audio) {
      if (audio.length > 0 && audio.every((byte) => byte === 0x21)) onTranscript?.(WORDS);
    },
    isConnected: () => isOpen,
    close: () => {
      isOpen = false;
    },
  };
}

export default {
  id: "stand-in-ears",
  name: "Stand-in ears",
  description: "Hears what a benchmark wants to be heard.",
  register(api) {
    api.registerRealtimeTranscriptionProvider({
      id: "stand-in",
      label: "Stand-in",
      isConfigured: () => true,
      resolveConfig: ({ rawConfig }) => rawConfig ?? {},
      createSession: session,
    });
  },
};
