"""Rule packs over the reports of the database: ``trial`` says what a changed pack would find, ``scores`` what reports lose."""
