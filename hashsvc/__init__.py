"""
Finds re-uploads of intimate images spread without consent, from perceptual hashes alone.

Rooms, top to bottom; a room imports only from those below it:

    cli, api, web                 how people and programs reach the service
    scanning, removal, exchange   reported URLs, requests to platforms, hash lists
    matching                      signatures against the bank
    bank                          cases and their contents
    store, signals, index/        the database, the hashes, the search

`audit`, `clock` and `settings` may be used by all.
"""
