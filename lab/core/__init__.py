"""What every other room stands on: errors, progress, settings, the workspace on disk."""
