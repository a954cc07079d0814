"""What is about to expire or stands still: alarms for the log and for monitors."""
