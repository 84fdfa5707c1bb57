"""Pictures of pages, drawn by a process of their own that may be ended, kept in the store, and cut where a cell is shown."""
