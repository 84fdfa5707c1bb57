"""Pictures of pages: drawn by a process of its own with limits on time and memory, kept in the store, cut where a cell is."""
