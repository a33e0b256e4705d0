"""Older pictures get their model and their search text."""

from typing import Any

from django.db import migrations
from django.db.models import OuterRef, Subquery

from gallery.db import search_index

AT_ONCE = 1000


def fill(apps: Any, schema_editor: Any) -> None:
    picture, generation = apps.get_model("gallery", "Picture"), apps.get_model("gallery", "Generation")
    tagged = apps.get_model("gallery", "Tag").pictures.through
    models = generation.objects.filter(pk=OuterRef("generation")).values("model")
    picture.objects.update(model=Subquery(models))
    last = 0
    while True:
        rows = list(
            picture.objects.filter(pk__gt=last)
            .order_by("pk")
            .values_list("pk", "generation__prompt", "revised_prompt", "author__name")[:AT_ONCE]
        )
        if not rows:
            return
        tags: dict[int, list[str]] = {}
        for pk, name in tagged.objects.filter(picture__in=[row[0] for row in rows]).values_list("picture", "tag__name"):
            tags.setdefault(pk, []).append(name)
        texts = [
            (search_index.text_of(prompt, revised, *tags.get(pk, ()), author), pk)
            for pk, prompt, revised, author in rows
        ]
        with schema_editor.connection.cursor() as cursor:
            cursor.executemany("UPDATE gallery_picture SET search_text = %s WHERE id = %s", texts)
        last = rows[-1][0]


class Migration(migrations.Migration):
    dependencies = [("gallery", "0012_what_pictures_are_found_by")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
