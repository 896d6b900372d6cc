"""Real OpenClaw gateways, offline, with the plugin of this checkout in them: ``python -m tests.gateway``.

No test that pytest collects: a gateway is 0.8 GB from the npm registry, and takes ten seconds to start.
"""
