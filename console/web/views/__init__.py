"""What pages show, made of the database's answers: a case to decide, a report as its forms, a document's original, filters."""
