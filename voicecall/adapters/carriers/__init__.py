"""One folder per carrier, each exporting ``carrier``: pure translation between its wire and our facts."""
