"""
Finds re-uploads of intimate images spread without consent, from perceptual hashes alone.

Rooms, top to bottom; a room imports only from those below it:

    cli, api, web                 how people and programs reach the service
    removal, exchange             requests to platforms, hash lists
    scanning, access              reported URLs; keys, sign-in and limits on lookups
    matching                      signatures against the bank
    bank                          cases and their contents
    audit                         the chained and signed log of what was done
    store, signals, index/        the database, the hashes, the search
    keyring                       the keys that seal what the database holds
    sandbox                       processes with limits, for work on untrusted bytes

`settings`, `clock`, `loops` (threads that work at an interval), `lazy` (rooms that load their
modules on first use) and `spreadsheets` (CSV and Excel workbooks) import no other room.
"""
