"""An agent that is a language model behind an API as OpenAI has it: chat completions or responses, streamed.

``asking`` builds requests and ``stream`` reads what comes back, both pure; ``agent`` is the thin client between them.
The ``openai`` package is imported with ``agent``, and only there.
"""
