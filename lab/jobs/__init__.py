"""Work in the background of the app: one queue, and a file for each kind of job."""
