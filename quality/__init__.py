"""What viewers see, measured: real browsers, an engine in this process, and links as bad as wanted."""
