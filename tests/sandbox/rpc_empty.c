/* What clients ask for at start and this world has none of: the right kind of nothing. */
#include "tests/sandbox/world.h"

#define STICKERS "{\"_\":\"messages.allStickers\",\"hash\":\"0\",\"sets\":[]}"
#define FEATURED                                                                                   \
	"{\"_\":\"messages.featuredStickers\",\"hash\":\"0\",\"count\":0,\"sets\":[],"             \
	"\"unread\":[]}"
#define REACTIONS "{\"_\":\"messages.reactions\",\"hash\":\"0\",\"reactions\":[]}"
#define EMOJI_GROUPS "{\"_\":\"messages.emojiGroups\",\"hash\":0,\"groups\":[]}"
#define EMOJI_STATUSES "{\"_\":\"account.emojiStatuses\",\"hash\":\"0\",\"statuses\":[]}"
#define EMOJI_LIST "{\"_\":\"emojiList\",\"hash\":\"0\",\"document_id\":[]}"
#define MESSAGES                                                                                   \
	"{\"_\":\"messages.messages\",\"messages\":[],\"topics\":[],\"chats\":[],\"users\":[]}"
#define CHATS "{\"_\":\"messages.chats\",\"chats\":[]}"
#define LANG                                                                                       \
	"{\"_\":\"langPackDifference\",\"lang_code\":\"en\",\"from_version\":0,\"version\":1,"     \
	"\"strings\":[]}"
#define LANGUAGE                                                                                   \
	"{\"_\":\"langPackLanguage\",\"official\":true,\"name\":\"English\",\"native_name\":"      \
	"\"English\",\"lang_code\":\"en\",\"plural_code\":\"en\",\"strings_count\":0,"             \
	"\"translated_count\":0,\"translations_url\":\"\"}"
#define AUTO_DOWNLOAD                                                                              \
	"{\"_\":\"autoDownloadSettings\",\"photo_size_max\":1048576,\"video_size_max\":0,"         \
	"\"file_size_max\":0,\"video_upload_maxbitrate\":100,\"small_queue_active_operations_max"  \
	"\":5,\"large_queue_active_operations_max\":2}"
#define AUTO_SAVE "{\"_\":\"autoSaveSettings\"}"

const struct sb_method sb_methods_empty[] = {
	{TL_langpack_getLangPack, SB_ANYONE, NULL, LANG},
	{TL_langpack_getDifference, SB_ANYONE, NULL, LANG},
	{TL_langpack_getStrings, SB_ANYONE, NULL, "[]"},
	{TL_langpack_getLanguages, SB_ANYONE, NULL, "[]"},
	{TL_langpack_getLanguage, SB_ANYONE, NULL, LANGUAGE},
	{TL_messages_getAllStickers, SB_PEOPLE, NULL, STICKERS},
	{TL_messages_getMaskStickers, SB_PEOPLE, NULL, STICKERS},
	{TL_messages_getEmojiStickers, SB_PEOPLE, NULL, STICKERS},
	{TL_messages_getFeaturedStickers, SB_PEOPLE, NULL, FEATURED},
	{TL_messages_getFeaturedEmojiStickers, SB_PEOPLE, NULL, FEATURED},
	{TL_messages_getOldFeaturedStickers, SB_PEOPLE, NULL, FEATURED},
	{TL_messages_getRecentStickers, SB_PEOPLE, NULL,
	 "{\"_\":\"messages.recentStickers\",\"hash\":\"0\",\"packs\":[],\"stickers\":[],"
	 "\"dates\":[]}"},
	{TL_messages_getFavedStickers, SB_PEOPLE, NULL,
	 "{\"_\":\"messages.favedStickers\",\"hash\":\"0\",\"packs\":[],\"stickers\":[]}"},
	{TL_messages_getSavedGifs, SB_PEOPLE, NULL,
	 "{\"_\":\"messages.savedGifs\",\"hash\":\"0\",\"gifs\":[]}"},
	{TL_messages_getArchivedStickers, SB_PEOPLE, NULL,
	 "{\"_\":\"messages.archivedStickers\",\"count\":0,\"sets\":[]}"},
	{TL_messages_getStickers, SB_PEOPLE, NULL,
	 "{\"_\":\"messages.stickers\",\"hash\":\"0\",\"stickers\":[]}"},
	{TL_messages_getTopReactions, SB_PEOPLE, NULL, REACTIONS},
	{TL_messages_getRecentReactions, SB_PEOPLE, NULL, REACTIONS},
	{TL_messages_getDefaultTagReactions, SB_PEOPLE, NULL, REACTIONS},
	{TL_messages_getAvailableReactions, SB_PEOPLE, NULL,
	 "{\"_\":\"messages.availableReactions\",\"hash\":0,\"reactions\":[]}"},
	{TL_messages_getAvailableEffects, SB_PEOPLE, NULL,
	 "{\"_\":\"messages.availableEffects\",\"hash\":0,\"effects\":[],\"documents\":[]}"},
	{TL_messages_getSavedReactionTags, SB_PEOPLE, NULL,
	 "{\"_\":\"messages.savedReactionTags\",\"tags\":[],\"hash\":\"0\"}"},
	{TL_messages_getEmojiGroups, SB_PEOPLE, NULL, EMOJI_GROUPS},
	{TL_messages_getEmojiStatusGroups, SB_PEOPLE, NULL, EMOJI_GROUPS},
	{TL_messages_getEmojiProfilePhotoGroups, SB_PEOPLE, NULL, EMOJI_GROUPS},
	{TL_messages_getEmojiStickerGroups, SB_PEOPLE, NULL, EMOJI_GROUPS},
	{TL_messages_getEmojiKeywords, SB_PEOPLE, NULL,
	 "{\"_\":\"emojiKeywordsDifference\",\"lang_code\":\"en\",\"from_version\":0,"
	 "\"version\":1,\"keywords\":[]}"},
	{TL_messages_getEmojiKeywordsLanguages, SB_PEOPLE, NULL, "[]"},
	{TL_messages_getCustomEmojiDocuments, 0, NULL, "[]"},
	{TL_messages_getAttachMenuBots, SB_PEOPLE, NULL,
	 "{\"_\":\"attachMenuBots\",\"hash\":\"0\",\"bots\":[],\"users\":[]}"},
	{TL_messages_getSuggestedDialogFilters, SB_PEOPLE, NULL, "[]"},
	{TL_messages_getDialogUnreadMarks, SB_PEOPLE, NULL, "[]"},
	{TL_messages_getQuickReplies, SB_PEOPLE, NULL,
	 "{\"_\":\"messages.quickReplies\",\"quick_replies\":[],\"messages\":[],\"chats\":[],"
	 "\"users\":[]}"},
	{TL_messages_getScheduledHistory, SB_PEOPLE, NULL, MESSAGES},
	{TL_messages_getUnreadMentions, SB_PEOPLE, NULL, MESSAGES},
	{TL_messages_getUnreadReactions, SB_PEOPLE, NULL, MESSAGES},
	{TL_messages_getRecentLocations, SB_PEOPLE, NULL, MESSAGES},
	{TL_messages_getDefaultHistoryTTL, SB_PEOPLE, NULL,
	 "{\"_\":\"defaultHistoryTTL\",\"period\":0}"},
	{TL_messages_getSplitRanges, SB_PEOPLE, NULL, "[]"},
	{TL_messages_getPaidReactionPrivacy, SB_PEOPLE, NULL, "updates"},
	{TL_messages_getSponsoredMessages, SB_PEOPLE, NULL,
	 "{\"_\":\"messages.sponsoredMessagesEmpty\"}"},
	{TL_messages_getPinnedSavedDialogs, SB_PEOPLE, NULL,
	 "{\"_\":\"messages.savedDialogs\",\"dialogs\":[],\"messages\":[],\"chats\":[],"
	 "\"users\":[]}"},
	{TL_messages_getSavedDialogs, SB_PEOPLE, NULL,
	 "{\"_\":\"messages.savedDialogs\",\"dialogs\":[],\"messages\":[],\"chats\":[],"
	 "\"users\":[]}"},
	{TL_messages_receivedMessages, SB_PEOPLE, NULL, "[]"},
	{TL_messages_receivedQueue, SB_PEOPLE, NULL, "[]"},
	{TL_account_getContactSignUpNotification, SB_PEOPLE, NULL, "false"},
	{TL_account_registerDevice, SB_PEOPLE, NULL, "true"},
	{TL_account_unregisterDevice, SB_PEOPLE, NULL, "true"},
	{TL_account_updateDeviceLocked, SB_PEOPLE, NULL, "true"},
	{TL_account_getAutoDownloadSettings, SB_PEOPLE, NULL,
	 "{\"_\":\"account.autoDownloadSettings\",\"low\":" AUTO_DOWNLOAD
	 ",\"medium\":" AUTO_DOWNLOAD ",\"high\":" AUTO_DOWNLOAD "}"},
	{TL_account_getAutoSaveSettings, SB_PEOPLE, NULL,
	 "{\"_\":\"account.autoSaveSettings\",\"users_settings\":" AUTO_SAVE
	 ",\"chats_settings\":" AUTO_SAVE ",\"broadcasts_settings\":" AUTO_SAVE
	 ",\"exceptions\":[],\"chats\":[],\"users\":[]}"},
	{TL_account_getContentSettings, SB_PEOPLE, NULL, "{\"_\":\"account.contentSettings\"}"},
	{TL_account_getGlobalPrivacySettings, SB_PEOPLE, NULL, "{\"_\":\"globalPrivacySettings\"}"},
	{TL_account_getPrivacy, SB_PEOPLE, NULL,
	 "{\"_\":\"account.privacyRules\",\"rules\":[{\"_\":\"privacyValueAllowAll\"}],"
	 "\"chats\":[],\"users\":[]}"},
	{TL_account_getWebAuthorizations, SB_PEOPLE, NULL,
	 "{\"_\":\"account.webAuthorizations\",\"authorizations\":[],\"users\":[]}"},
	{TL_account_getThemes, SB_PEOPLE, NULL,
	 "{\"_\":\"account.themes\",\"hash\":\"0\",\"themes\":[]}"},
	{TL_account_getChatThemes, SB_PEOPLE, NULL,
	 "{\"_\":\"account.themes\",\"hash\":\"0\",\"themes\":[]}"},
	{TL_account_getWallPapers, SB_PEOPLE, NULL,
	 "{\"_\":\"account.wallPapers\",\"hash\":\"0\",\"wallpapers\":[]}"},
	{TL_account_getSavedRingtones, SB_PEOPLE, NULL,
	 "{\"_\":\"account.savedRingtones\",\"hash\":\"0\",\"ringtones\":[]}"},
	{TL_account_getDefaultEmojiStatuses, SB_PEOPLE, NULL, EMOJI_STATUSES},
	{TL_account_getRecentEmojiStatuses, SB_PEOPLE, NULL, EMOJI_STATUSES},
	{TL_account_getChannelDefaultEmojiStatuses, SB_PEOPLE, NULL, EMOJI_STATUSES},
	{TL_account_getCollectibleEmojiStatuses, SB_PEOPLE, NULL, EMOJI_STATUSES},
	{TL_account_getDefaultProfilePhotoEmojis, SB_PEOPLE, NULL, EMOJI_LIST},
	{TL_account_getDefaultGroupPhotoEmojis, SB_PEOPLE, NULL, EMOJI_LIST},
	{TL_account_getDefaultBackgroundEmojis, SB_PEOPLE, NULL, EMOJI_LIST},
	{TL_account_getReactionsNotifySettings, SB_PEOPLE, NULL,
	 "{\"_\":\"reactionsNotifySettings\",\"sound\":{\"_\":\"notificationSoundDefault\"},"
	 "\"show_previews\":true}"},
	{TL_contacts_getSaved, SB_PEOPLE, NULL, "[]"},
	{TL_contacts_getTopPeers, SB_PEOPLE, NULL, "{\"_\":\"contacts.topPeersDisabled\"}"},
	{TL_contacts_getBirthdays, SB_PEOPLE, NULL,
	 "{\"_\":\"contacts.contactBirthdays\",\"contacts\":[],\"users\":[]}"},
	{TL_contacts_getSponsoredPeers, SB_PEOPLE, NULL,
	 "{\"_\":\"contacts.sponsoredPeersEmpty\"}"},
	{TL_channels_getLeftChannels, SB_PEOPLE, NULL, CHATS},
	{TL_channels_getGroupsForDiscussion, SB_PEOPLE, NULL, CHATS},
	{TL_channels_getChannelRecommendations, SB_PEOPLE, NULL, CHATS},
	{TL_photos_getUserPhotos, 0, NULL, "{\"_\":\"photos.photos\",\"photos\":[],\"users\":[]}"},
	{TL_stories_getAllStories, SB_PEOPLE, NULL,
	 "{\"_\":\"stories.allStories\",\"count\":0,\"state\":\"\",\"peer_stories\":[],"
	 "\"chats\":[],\"users\":[],\"stealth_mode\":{\"_\":\"storiesStealthMode\"}}"},
	{TL_stories_getAllReadPeerStories, SB_PEOPLE, NULL, "updates"},
	{TL_phone_getCallConfig, SB_PEOPLE, NULL, "{\"_\":\"dataJSON\",\"data\":\"{}\"}"},
	SB_METHOD_END,
};
