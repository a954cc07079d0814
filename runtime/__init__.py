"""What every process needs to start: settings, logging, clock, embedded servers. No domain words."""
