"""Pages of portals: addresses as they are compared, and the links that lead to reports. Pure; what a page holds is hostile."""
