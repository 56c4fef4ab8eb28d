/** Everything that the screen says, in each language. The words of a prompt come from the recognizer's language. */

/**
 * @typedef {object} Texts
 * @property {string} own The language's own name, short.
 * @property {string} full The language's own name.
 * @property {{voice: [string, string], touch: [string, string], claim: [string, string], either: [string, string]}} idle
 * @property {[string, string]} listening
 * @property {[string, string]} phrase
 * @property {[string, string]} say
 * @property {[string, string]} sayAfter
 * @property {[string, string]} welcome
 * @property {string} welcomeName
 * @property {[string, string]} again
 * @property {[string, string]} ring
 * @property {[string, string]} closed
 * @property {[string, string]} exit
 * @property {[string, string]} offline
 * @property {[string, string]} fault
 * @property {[string, string]} starting
 * @property {{touch: string, pin: string, cancel: string, ring: string, rung: string, privacy: string, close: string, erase: string, enter: string, language: string, digits: string}} buttons
 * @property {string} padTitle
 * @property {string} privacyTitle
 * @property {string[]} privacy
 * @property {string} operator
 */

/** @type {Record<string, Texts>} */
export const TEXTS = {
  en: {
    own: "EN", full: "English",
    idle: {
      voice: ["Just speak", "Say a sentence or two. Your voice opens this door."],
      touch: ["Touch, then speak", "Your voice opens this door."],
      claim: ["Badge or PIN", "Hold your badge to the reader, or enter your PIN. Then say your pass phrase."],
      either: ["Speak, or show your badge", "Your voice opens this door. You can also enter your PIN first."],
    },
    listening: ["Listening", "Go on speaking at your usual pace."],
    phrase: ["Your pass phrase", "Say it now, at your usual pace."],
    say: ["Say this", ""],
    sayAfter: ["Your pass phrase, then", ""],
    welcome: ["Come in", "The door is open."],
    welcomeName: "Welcome, {name}",
    again: ["Once more", "That was not recognized. Come a little closer and speak clearly."],
    ring: ["Please ring", "Somebody will help you."],
    closed: ["Closed", "This door stays shut for now. Please follow the instructions of the staff."],
    exit: ["Leave now", "This door is unlocked. Leave the building."],
    offline: ["Please ring", "This door has been without its network for too long to know who may come in."],
    fault: ["Out of order", "Please ring, or use another door."],
    starting: ["One moment", "The kiosk is starting."],
    buttons: { touch: "Start", pin: "Enter PIN", cancel: "Cancel", ring: "Ring", rung: "It rings", privacy: "Privacy", close: "Close", erase: "Erase", enter: "Enter", language: "Language", digits: "{count} digits entered" },
    padTitle: "Your PIN",
    privacyTitle: "Your voice, your data",
    privacy: [
      "This kiosk compares your voice with the voiceprints of people who may pass. It does so on this device and judges sound as it arrives; no recording is kept.",
      "It notes who passed and when. The microphone listens all the time for somebody who speaks; what it hears is forgotten after a second.",
      "If you do not want to be heard: press Ring.",
    ],
    operator: "Responsible: {operator} {contact}",
  },
  de: {
    own: "DE", full: "Deutsch",
    idle: {
      voice: ["Einfach sprechen", "Sagen Sie ein, zwei Sätze. Ihre Stimme öffnet diese Tür."],
      touch: ["Tippen, dann sprechen", "Ihre Stimme öffnet diese Tür."],
      claim: ["Ausweis oder PIN", "Halten Sie Ihren Ausweis an den Leser oder geben Sie Ihre PIN ein. Sagen Sie dann Ihre Passphrase."],
      either: ["Sprechen oder Ausweis zeigen", "Ihre Stimme öffnet diese Tür. Sie können auch zuerst Ihre PIN eingeben."],
    },
    listening: ["Ich höre zu", "Sprechen Sie weiter, so wie immer."],
    phrase: ["Ihre Passphrase", "Sagen Sie sie jetzt, so wie immer."],
    say: ["Sagen Sie", ""],
    sayAfter: ["Ihre Passphrase, danach", ""],
    welcome: ["Bitte eintreten", "Die Tür ist offen."],
    welcomeName: "Willkommen, {name}",
    again: ["Noch einmal", "Das wurde nicht erkannt. Kommen Sie etwas näher und sprechen Sie deutlich."],
    ring: ["Bitte klingeln", "Es kommt Ihnen jemand zu Hilfe."],
    closed: ["Geschlossen", "Diese Tür bleibt vorerst zu. Bitte folgen Sie den Anweisungen des Personals."],
    exit: ["Gebäude verlassen", "Diese Tür ist entriegelt. Verlassen Sie das Gebäude."],
    offline: ["Bitte klingeln", "Diese Tür ist schon zu lange ohne Netz, um zu wissen, wer hereindarf."],
    fault: ["Außer Betrieb", "Bitte klingeln Sie oder nehmen Sie eine andere Tür."],
    starting: ["Einen Moment", "Das Gerät startet."],
    buttons: { touch: "Start", pin: "PIN eingeben", cancel: "Abbrechen", ring: "Klingeln", rung: "Es klingelt", privacy: "Datenschutz", close: "Schließen", erase: "Löschen", enter: "Bestätigen", language: "Sprache", digits: "{count} Ziffern eingegeben" },
    padTitle: "Ihre PIN",
    privacyTitle: "Ihre Stimme, Ihre Daten",
    privacy: [
      "Dieses Gerät vergleicht Ihre Stimme mit den Stimmprofilen der Menschen, die hier eintreten dürfen. Das geschieht auf dem Gerät selbst, noch während Sie sprechen; Aufnahmen werden nicht aufbewahrt.",
      "Es hält fest, wer wann eingetreten ist. Das Mikrofon hört ständig, ob jemand spricht; was es hört, ist nach einer Sekunde vergessen.",
      "Wenn Sie nicht gehört werden möchten: Drücken Sie „Klingeln“.",
    ],
    operator: "Verantwortlich: {operator} {contact}",
  },
  fr: {
    own: "FR", full: "Français",
    idle: {
      voice: ["Parlez", "Dites une ou deux phrases. Votre voix ouvre cette porte."],
      touch: ["Touchez, puis parlez", "Votre voix ouvre cette porte."],
      claim: ["Badge ou code", "Présentez votre badge ou saisissez votre code. Dites ensuite votre phrase secrète."],
      either: ["Parlez ou présentez votre badge", "Votre voix ouvre cette porte. Vous pouvez aussi saisir d’abord votre code."],
    },
    listening: ["Je vous écoute", "Continuez à parler normalement."],
    phrase: ["Votre phrase secrète", "Dites-la maintenant, normalement."],
    say: ["Dites", ""],
    sayAfter: ["Votre phrase secrète, puis", ""],
    welcome: ["Entrez", "La porte est ouverte."],
    welcomeName: "Bienvenue, {name}",
    again: ["Encore une fois", "Voix non reconnue. Approchez-vous un peu et parlez distinctement."],
    ring: ["Veuillez sonner", "Quelqu’un va vous aider."],
    closed: ["Fermé", "Cette porte reste fermée pour le moment. Suivez les consignes du personnel."],
    exit: ["Sortez", "Cette porte est déverrouillée. Quittez le bâtiment."],
    offline: ["Veuillez sonner", "Cette porte est sans réseau depuis trop longtemps pour savoir qui peut entrer."],
    fault: ["Hors service", "Veuillez sonner ou prendre une autre porte."],
    starting: ["Un instant", "L’appareil démarre."],
    buttons: { touch: "Commencer", pin: "Saisir le code", cancel: "Annuler", ring: "Sonner", rung: "Ça sonne", privacy: "Vie privée", close: "Fermer", erase: "Effacer", enter: "Valider", language: "Langue", digits: "{count} chiffres saisis" },
    padTitle: "Votre code",
    privacyTitle: "Votre voix, vos données",
    privacy: [
      "Cet appareil compare votre voix aux empreintes vocales des personnes autorisées à entrer. Il le fait sur place, pendant que vous parlez ; aucun enregistrement n’est conservé.",
      "Il note qui est entré et quand. Le microphone guette en permanence si quelqu’un parle ; ce qu’il entend est oublié au bout d’une seconde.",
      "Si vous ne souhaitez pas que l’on vous écoute : appuyez sur « Sonner ».",
    ],
    operator: "Responsable : {operator} {contact}",
  },
  es: {
    own: "ES", full: "Español",
    idle: {
      voice: ["Hable", "Diga una o dos frases. Su voz abre esta puerta."],
      touch: ["Toque y hable", "Su voz abre esta puerta."],
      claim: ["Tarjeta o PIN", "Acerque su tarjeta al lector o introduzca su PIN. Después diga su frase secreta."],
      either: ["Hable o muestre su tarjeta", "Su voz abre esta puerta. También puede introducir antes su PIN."],
    },
    listening: ["Le escucho", "Siga hablando con normalidad."],
    phrase: ["Su frase secreta", "Dígala ahora, con normalidad."],
    say: ["Diga", ""],
    sayAfter: ["Su frase secreta y después", ""],
    welcome: ["Adelante", "La puerta está abierta."],
    welcomeName: "Le damos la bienvenida, {name}",
    again: ["Otra vez", "No se ha reconocido la voz. Acérquese un poco y hable con claridad."],
    ring: ["Toque el timbre", "Alguien le ayudará."],
    closed: ["Cerrado", "Esta puerta permanece cerrada por ahora. Siga las indicaciones del personal."],
    exit: ["Salga ahora", "Esta puerta está abierta. Abandone el edificio."],
    offline: ["Por favor, llame", "Esta puerta lleva demasiado tiempo sin red para saber quién puede entrar."],
    fault: ["Fuera de servicio", "Toque el timbre o use otra puerta."],
    starting: ["Un momento", "El equipo se está iniciando."],
    buttons: { touch: "Empezar", pin: "Introducir PIN", cancel: "Cancelar", ring: "Timbre", rung: "Está sonando", privacy: "Privacidad", close: "Cerrar", erase: "Borrar", enter: "Aceptar", language: "Idioma", digits: "{count} cifras introducidas" },
    padTitle: "Su PIN",
    privacyTitle: "Su voz, sus datos",
    privacy: [
      "Este equipo compara su voz con las huellas de voz de las personas que pueden pasar. Lo hace aquí mismo, mientras usted habla; no se guarda ninguna grabación.",
      "Anota quién ha pasado y cuándo. El micrófono escucha continuamente si alguien habla; lo que oye se olvida al cabo de un segundo.",
      "Si no desea que se le escuche: pulse «Timbre».",
    ],
    operator: "Responsable: {operator} {contact}",
  },
  zh: {
    own: "中文", full: "中文",
    idle: {
      voice: ["请说话", "说一两句话，您的声音就能打开这扇门。"],
      touch: ["轻触后说话", "您的声音就能打开这扇门。"],
      claim: ["刷卡或输入密码", "请将卡片靠近读卡器，或输入密码，然后说出您的口令。"],
      either: ["请说话或刷卡", "您的声音就能打开这扇门。您也可以先输入密码。"],
    },
    listening: ["正在聆听", "请继续正常说话。"],
    phrase: ["请说口令", "现在请用平常的语速说出。"],
    say: ["请说", ""],
    sayAfter: ["先说口令，再说", ""],
    welcome: ["请进", "门已打开。"],
    welcomeName: "欢迎，{name}",
    again: ["请再说一次", "未能识别。请靠近一些，清楚地说话。"],
    ring: ["请按门铃", "工作人员会来帮助您。"],
    closed: ["暂停通行", "此门暂时关闭，请听从工作人员的指示。"],
    exit: ["请立即离开", "此门已解锁，请离开大楼。"],
    offline: ["请按铃", "此门断网过久，无法确认谁可以进入。"],
    fault: ["暂停使用", "请按门铃，或走其他入口。"],
    starting: ["请稍候", "设备正在启动。"],
    buttons: { touch: "开始", pin: "输入密码", cancel: "取消", ring: "门铃", rung: "正在呼叫", privacy: "隐私", close: "关闭", erase: "删除", enter: "确认", language: "语言", digits: "已输入 {count} 位" },
    padTitle: "您的密码",
    privacyTitle: "您的声音，您的数据",
    privacy: [
      "本设备将您的声音与获准通行者的声纹进行比较。比较在本机上进行，声音到达即判断，不保存录音。",
      "设备会记录谁在何时通过。麦克风会一直留意是否有人说话，听到的内容一秒后即被遗忘。",
      "如果您不希望被听到：请按“门铃”。",
    ],
    operator: "负责人：{operator} {contact}",
  },
};
