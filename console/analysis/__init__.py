"""What commands and pages share of analysis: the panel at hand, figures as rows of tables, and roll-ups as workbook and
document.
"""
