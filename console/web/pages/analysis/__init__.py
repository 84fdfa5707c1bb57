"""Analysis (分析): the overview of a region, an indicator across agencies, an agency's years, and two filings side by side."""
