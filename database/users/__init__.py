"""People who use the operators' pages: accounts, sessions, login attempts, and the audit trail of what people did.

An act and its entry in the audit trail are written in one transaction, so that neither exists without the other.
"""
