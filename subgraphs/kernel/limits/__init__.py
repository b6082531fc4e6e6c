"""What one operation and one caller may ask for, whichever router stands in front."""
