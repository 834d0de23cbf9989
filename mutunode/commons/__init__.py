"""What records mean: kinds declared once, states computed from records and a time, licences, languages.

Pure: nothing here reads a clock, a file or the network, but for the registry, which imports kind files.
"""
