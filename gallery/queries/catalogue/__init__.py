"""The catalogue beside what the upstream offers: what is new, changed or gone, and what was set by hand.

Nothing here reads or writes a row, and nothing uses the network. `gallery.engine.catalogue_sync` fetches the offer.
`gallery.services.catalogue` applies the differences that a person chose.

- `values`: the keys that are compared, and what makes two values differ.
- `offers`: reads what the upstream says of one model.
- `diff`: compares offers with models.
- `merge`: takes what an offer says over into a model.
- `prices`: what one picture of a model costs.
- `words`: all of it in words for people.
"""
