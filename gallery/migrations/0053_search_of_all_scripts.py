"""Pictures are found by words of scripts with vowel signs, and of scripts that put no spaces between words."""

from typing import Any

from django.db import migrations

from gallery.db import search_index

AT_ONCE = 1000


def rebuild(apps: Any, schema_editor: Any) -> None:
    """Split anew the texts that are split in another way now, then build the index anew."""
    search_index.uninstall(schema_editor.connection)
    picture = apps.get_model("gallery", "Picture")
    tagged = apps.get_model("gallery", "Tag").pictures.through
    last = 0
    while True:
        rows = list(
            picture.objects.filter(pk__gt=last)
            .order_by("pk")
            .values_list("pk", "generation__prompt", "revised_prompt", "author__name")[:AT_ONCE]
        )
        if not rows:
            break
        tags: dict[int, list[str]] = {}
        for pk, name in tagged.objects.filter(picture__in=[row[0] for row in rows]).values_list("picture", "tag__name"):
            tags.setdefault(pk, []).append(name)
        texts = [(pk, (prompt, revised, *tags.get(pk, ()), author)) for pk, prompt, revised, author in rows]
        changed = [
            (search_index.text_of(*some), pk) for pk, some in texts if search_index.SPECIAL.search(" ".join(some))
        ]
        with schema_editor.connection.cursor() as cursor:
            cursor.executemany("UPDATE gallery_picture SET search_text = %s WHERE id = %s", changed)
        last = rows[-1][0]
    search_index.install(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("gallery", "0051_sent_mark")]

    operations = [migrations.RunPython(rebuild, migrations.RunPython.noop)]
