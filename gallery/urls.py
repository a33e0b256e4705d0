"""View name = URL name = template stem."""

from django.contrib.auth import views as auth
from django.urls import path

from gallery.views import account, create, galleries, pictures

urlpatterns = [
    path("", create.create, name="create"),
    path("generations/", create.generation_create, name="generation_create"),
    path("generations/options/", create.generation_options, name="generation_options"),
    path("generations/poll/", create.generation_poll, name="generation_poll"),
    path("generations/feed/", create.generation_feed, name="generation_feed"),
    path("generations/<int:pk>/cancel/", create.generation_cancel, name="generation_cancel"),
    path("generations/<int:pk>/retry/", create.generation_retry, name="generation_retry"),
    path("generations/<int:pk>/dismiss/", create.generation_dismiss, name="generation_dismiss"),
    path("generations/<int:pk>/fetch/", create.generation_fetch, name="generation_fetch"),
    path("galleries/", galleries.gallery_list, name="gallery_list"),
    path("galleries/new/", galleries.gallery_create, name="gallery_create"),
    path("galleries/<int:pk>/", galleries.gallery_detail, name="gallery_detail"),
    path("galleries/<int:pk>/rename/", galleries.gallery_rename, name="gallery_rename"),
    path("galleries/<int:pk>/share/", galleries.gallery_share, name="gallery_share"),
    path("galleries/<int:pk>/delete/", galleries.gallery_delete, name="gallery_delete"),
    path("galleries/<int:pk>/remove/<int:picture_pk>/", galleries.picture_remove, name="picture_remove"),
    path("pictures/<int:pk>/", pictures.picture_detail, name="picture_detail"),
    path("pictures/<int:pk>/save/", pictures.picture_save, name="picture_save"),
    path("pictures/<int:pk>/download/", pictures.picture_download, name="picture_download"),
    path("media/<int:pk>/<slug:digest>/original/", pictures.picture_original, name="picture_original"),
    path(
        "media/<int:pk>/<slug:digest>/<int:width>.<slug:format>", pictures.picture_thumbnail, name="picture_thumbnail"
    ),
    path("admin/login/", account.admin_login, name="admin_login"),
    path("login/", account.SignIn.as_view(), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("setup/", account.setup, name="setup"),
    path("account/", account.account, name="account"),
    path("account/theme/", account.theme, name="theme"),
    path("account/password/", auth.PasswordChangeView.as_view(), name="password_change"),
    path("account/password/done/", auth.PasswordChangeDoneView.as_view(), name="password_change_done"),
]
