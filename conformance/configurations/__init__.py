"""Every way to call a loss: factors with their values, arrays that cover their combinations, and the trial of a row.

``factors`` says what a call can be, ``array`` which calls are made, ``inputs`` which numbers they get, ``plan`` what
that is for a subject, ``truth`` what is right, ``trial`` what is wrong with a row, ``causes`` what it takes to show it.
"""
