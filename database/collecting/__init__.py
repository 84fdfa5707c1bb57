"""Addresses that are collected: which are to be fetched, whose turn it is, and what visits brought. The truth of the
collectors.

A collector takes a *turn* (:func:`turns.take_turn`): it holds a host, by a fence and a lease in database time, asks one thing
of it, and gives the host back with the moment of the next request. So one host is asked one request at a time, by however many
collectors, and a collector may be killed at any moment: the lease of its host ends, and the next turn goes on with its address.
Whatever a collector writes of its turn is on condition of the fence.

``adding`` takes in addresses, ``turns`` is for collectors, ``listing`` for people. Every function takes a connection inside a
transaction.
"""
