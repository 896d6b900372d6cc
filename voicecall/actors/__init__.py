"""The trio shell around the pure core: one actor per call, four lanes, one supervisor."""
