// Made by `make messages`.
globalThis.studioWords = {
  "%(count)s model": [
    "%(count)s Modell",
    "%(count)s Modelle"
  ],
  "%(count)s selected": [
    "%(count)s ausgewählt"
  ],
  "%(length)s of %(most)s characters": [
    "%(length)s von %(most)s Zeichen"
  ],
  "%(most)s pictures at once are the most.": [
    "Höchstens %(most)s Bilder auf einmal."
  ],
  "%(name)s: in your library": [
    "%(name)s: in der Bibliothek"
  ],
  "%(seconds)s s": [
    "%(seconds)s s"
  ],
  "About %(seconds)s s left": [
    "Noch etwa %(seconds)s s"
  ],
  "Add an option": [
    "Option hinzufügen"
  ],
  "All of the picture": [
    "Das ganze Bild"
  ],
  "Any moment now": [
    "Jeden Moment fertig"
  ],
  "Arrange": [
    "Anordnen"
  ],
  "Arranging. Drag pictures, or move them with Alt and the arrow keys.": [
    "Anordnen: Bilder ziehen oder mit Alt und den Pfeiltasten verschieben."
  ],
  "Brush %(across)s % from the left, %(down)s % from the top, on marked ground.": [
    "Pinsel %(across)s % von links, %(down)s % von oben, auf markierter Fläche."
  ],
  "Brush %(across)s % from the left, %(down)s % from the top, on unmarked ground.": [
    "Pinsel %(across)s % von links, %(down)s % von oben, auf nicht markierter Fläche."
  ],
  "Brush size %(size)s.": [
    "Pinselgröße %(size)s."
  ],
  "Cancel": [
    "Abbrechen"
  ],
  "Cancel %(name)s": [
    "%(name)s abbrechen"
  ],
  "Close": [
    "Schließen"
  ],
  "Close the message about %(name)s": [
    "Meldung zu %(name)s schließen"
  ],
  "Copied.": [
    "Kopiert."
  ],
  "Copying needs HTTPS.": [
    "Kopieren braucht HTTPS."
  ],
  "Delete": [
    "Löschen"
  ],
  "Done": [
    "Fertig"
  ],
  "Done arranging.": [
    "Anordnen beendet."
  ],
  "Drawing.": [
    "Malen."
  ],
  "Erasing.": [
    "Radieren."
  ],
  "Hide": [
    "Verbergen"
  ],
  "It could not be added. Reload the page and try again.": [
    "Hinzufügen nicht möglich. Seite neu laden und erneut versuchen."
  ],
  "It could not be moved. Reload the page and try again.": [
    "Verschieben nicht möglich. Seite neu laden und erneut versuchen."
  ],
  "It could not be uploaded. Try again.": [
    "Hochladen fehlgeschlagen. Erneut versuchen."
  ],
  "It goes along as a reference.": [
    "Geht als Referenz mit."
  ],
  "Keep": [
    "Behalten"
  ],
  "Larger": [
    "Größer"
  ],
  "Marked: %(percent)s % of the picture.": [
    "Markiert: %(percent)s % des Bildes."
  ],
  "Marked: less than 1 % of the picture.": [
    "Markiert: weniger als 1 % des Bildes."
  ],
  "Move @%(place)s back": [
    "@%(place)s nach hinten"
  ],
  "Move @%(place)s forward": [
    "@%(place)s nach vorn"
  ],
  "Move back": [
    "Nach hinten"
  ],
  "Move forward": [
    "Nach vorn"
  ],
  "Moved to place %(place)s of %(all)s shown.": [
    "Auf Platz %(place)s von %(all)s angezeigten verschoben."
  ],
  "Now @%(place)s.": [
    "Jetzt @%(place)s."
  ],
  "One reference picture.": [
    "Ein Referenzbild.",
    "%(count)s Referenzbilder."
  ],
  "Opening “%(name)s”…": [
    "„%(name)s“ wird geöffnet …"
  ],
  "Press Ctrl+C to copy.": [
    "Zum Kopieren Strg+C drücken."
  ],
  "Remove @%(place)s": [
    "@%(place)s entfernen"
  ],
  "Removed.": [
    "Entfernt."
  ],
  "Show": [
    "Anzeigen"
  ],
  "Something went wrong here. Please try again.": [
    "Etwas ist schiefgegangen. Bitte erneut versuchen."
  ],
  "That is no longer there.": [
    "Das gibt es nicht mehr."
  ],
  "That is not allowed, or this page is too old. Reload it and try again.": [
    "Das ist nicht erlaubt, oder diese Seite ist zu alt. Neu laden und erneut versuchen."
  ],
  "That was too large.": [
    "Das war zu groß."
  ],
  "That was too quick. Wait a moment and try again.": [
    "Das war zu schnell. Einen Moment warten und erneut versuchen."
  ],
  "The studio does not answer. Trying again… Your prompt is kept.": [
    "Das Studio antwortet nicht. Neuer Versuch läuft … Der Prompt bleibt erhalten."
  ],
  "This cannot be undone.": [
    "Das lässt sich nicht rückgängig machen."
  ],
  "This is the first one.": [
    "Das ist das erste."
  ],
  "This is the last one.": [
    "Das ist das letzte."
  ],
  "This page is too old. Reload it and try again.": [
    "Diese Seite ist zu alt. Neu laden und erneut versuchen."
  ],
  "Undo": [
    "Rückgängig"
  ],
  "Uploading %(name)s": [
    "%(name)s wird hochgeladen"
  ],
  "You are signed out. Reload the page.": [
    "Nicht mehr angemeldet. Seite neu laden."
  ],
  "You seem to be offline. It is back in its place.": [
    "Anscheinend offline. Das Bild ist wieder an seinem Platz."
  ],
  "You seem to be offline. It is still in the trash.": [
    "Anscheinend offline. Es liegt noch im Papierkorb."
  ],
  "You seem to be offline. Nothing has changed.": [
    "Anscheinend offline. Nichts hat sich geändert."
  ],
  "You seem to be offline. Try again in a moment.": [
    "Anscheinend offline. Gleich noch einmal versuchen."
  ],
  "You seem to be offline. Try again.": [
    "Anscheinend offline. Erneut versuchen."
  ],
  "green": [
    "grün"
  ],
  "in %(gallery)s": [
    "in %(gallery)s"
  ],
  "just now": [
    "gerade eben"
  ],
  "not in a gallery": [
    "in keiner Galerie"
  ],
  "red": [
    "rot"
  ],
  "“%(name)s” is larger than 20 MB. Make it smaller, and choose it again.": [
    "„%(name)s“ ist größer als 20 MB. Verkleinern und noch einmal wählen."
  ],
  "“%(name)s” is not a picture that can be opened here. Choose a PNG, JPEG, WebP, AVIF or GIF.": [
    "„%(name)s“ ist kein Bild, das sich hier öffnen lässt. Ein PNG, JPEG, WebP, AVIF oder GIF wählen."
  ]
};
