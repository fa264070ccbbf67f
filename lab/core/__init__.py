"""What all other packages use: errors, progress, settings, files, archives and the workspace."""
