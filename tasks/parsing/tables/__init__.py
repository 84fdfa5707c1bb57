"""Tables: from the pages of a document to numbers with their evidence.

One reader serves all sources: a drawn grid becomes lines whose cells keep their columns, flattened text is lines as it is, and
from there on both go the same way. What is exact in the text decides; the order of the form and its sums decide what is left;
what they leave open is a doubt with its candidates. Nothing is raised.

The chain of shapes, followed on the row ``1.属于国家秘密 0 5 0 0 0 0 5`` of table three::

    Page
     │ table_to_lines (grid_lines), text_tables_to_cells (filled)
    TextLine("1.属于国家秘密 0 5 0 0 0 0 5"), or the cells of a drawn row by their columns
     │ lines_to_atoms (tokens)
    Atom(TEXT, "1.属于国家秘密"), Atom(VALUE, "0"), Atom(VALUE, "5") …
     │ atoms_to_text (spans)
    LabelText("…1属于国家秘密…")                      the labels alone, folded
     │ find_titles, find_spans (spans)
    TableSpan("requests", start, end, first, last)    which atoms are one table
     │ find_labels (found_labels), atoms_to_runs, span_to_table (table_text)
    TableText: FoundLabel(ROW "denied.state_secret"), ValueRun(values=(41, 42, …)) …
     │ labels_to_items (table_text), align (align)
    AlignedPair(item=4, run=4, margin=30.0)           which values are whose
     │ place_values (place)
    Placed(atoms=(41, 42, …))                         one atom for each column
     │ rows_to_cells (rows)
    CellRead("denied.state_secret", "business", "5")
     │ cells_to_readings (cells)
    Reading("requests.denied.state_secret.business", value=5, raw="5", place=…)

``read_tables`` runs the whole chain, ``blocks`` chooses the reader of each table, ``readers/`` has a module for each kind of
table.
"""
