"""The values of reports: packed into one row for each report, and read from it.

``packing`` has the pure functions, ``store`` the statements. Nothing else writes ``gk_report_values``; the view ``gk_value``
shows a row for each cell, for SQL.
"""

from database.values.store import (
    Numbers,
    cells_by_indicator,
    cells_of,
    cells_of_report,
    change_cells,
    numbers_of,
    settled_cells,
    write_cells,
)

__all__ = [
    "Numbers",
    "cells_by_indicator",
    "cells_of",
    "cells_of_report",
    "change_cells",
    "numbers_of",
    "settled_cells",
    "write_cells",
]
